import { lazy, Suspense, useEffect, useMemo, useSyncExternalStore } from "react";
import { Provider } from "urql";
import { Redirect, Route, Switch } from "wouter";
import { refreshInMs, refreshSession } from "../auth";
import { onSession, type Session, session } from "../session";
import { makeClient } from "./api";
import { JobFeed } from "./JobFeed";
import { Layout } from "./Layout";
import { Empty, Loading } from "./shared/states";
import { ViewerProvider } from "./shared/viewer";
import { SignIn } from "./SignIn";

const JobsPage = lazy(() => import("./jobs/JobsPage"));
const JobPage = lazy(() => import("./jobs/JobPage"));
const UploadPage = lazy(() => import("./upload/UploadPage"));
const DatasetsPage = lazy(() => import("./datasets/DatasetsPage"));
const DatasetPage = lazy(() => import("./datasets/DatasetPage"));
const PipelinesPage = lazy(() => import("./pipelines/PipelinesPage"));
const PipelinePage = lazy(() => import("./pipelines/PipelinePage"));
const HealthPage = lazy(() => import("./health/HealthPage"));

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The console: who isn't signed in signs in, everyone else sees the page that the path names. */
export function App() {
  const current = useSyncExternalStore(onSession, session);
  useRefresh(current);
  return current ? <SignedIn key={current.refreshToken === undefined ? current.accessToken : "login"} /> : <SignIn />;
}

/** Get new tokens before the present ones end, so that nothing is ever refused for that. */
function useRefresh(current: Session | null): void {
  useEffect(() => {
    const inMs = refreshInMs();
    if (inMs > LONGEST_TIMER_MS) return;
    const timer = setTimeout(() => void refreshSession(current), Math.max(0, inMs));
    return () => clearTimeout(timer);
  }, [current]);
}

function SignedIn() {
  const client = useMemo(makeClient, []);
  return (
    <Provider value={client}>
      <ViewerProvider>
        <JobFeed>
          <Layout>
            <Suspense fallback={<Loading what="the page" />}>
              <Pages />
            </Suspense>
          </Layout>
        </JobFeed>
      </ViewerProvider>
    </Provider>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/"><Redirect to="/jobs" replace /></Route>
      <Route path="/jobs" component={JobsPage} />
      <Route path="/jobs/:id">{({ id }) => <JobPage key={id} id={id} />}</Route>
      <Route path="/upload" component={UploadPage} />
      <Route path="/datasets" component={DatasetsPage} />
      <Route path="/datasets/:name">{({ name }) => <DatasetPage key={name} name={decodeURIComponent(name)} />}</Route>
      <Route path="/pipelines" component={PipelinesPage} />
      <Route path="/pipelines/:name">{({ name }) => <PipelinePage key={name} name={decodeURIComponent(name)} />}</Route>
      <Route path="/health" component={HealthPage} />
      <Route><Empty title="There is nothing here">The address is wrong, or what it named is gone.</Empty></Route>
    </Switch>
  );
}
