import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { useMemo, useSyncExternalStore } from "react";
import { onSession, session } from "../session";
import { AccountBar } from "./AccountBar";
import { EXAMPLES } from "./examples";
import { EXAMPLES_PLUGIN } from "./ExamplesPlugin";
import { makeFetcher } from "./fetcher";
import { JobFiller } from "./JobFiller";
import { ThemeFollower } from "./ThemeFollower";
import { WordWrap } from "./WordWrap";

const PLUGINS = [explorerPlugin(), HISTORY_PLUGIN, EXAMPLES_PLUGIN];

/** GraphiQL under a bar that says whose token it sends; a first visit finds a tab for each example. */
export function GraphiQLPage() {
  const current = useSyncExternalStore(onSession, session);
  const fetcher = useMemo(makeFetcher, [current?.accessToken]);
  return (
    <>
      <AccountBar />
      <main>
        <GraphiQL
          fetcher={fetcher}
          plugins={PLUGINS}
          defaultTabs={EXAMPLES}
          defaultEditorToolsVisibility
          inputValueDeprecation
          schemaDescription
        >
          <GraphiQL.Logo><></></GraphiQL.Logo>
          <JobFiller />
          <ThemeFollower />
          <WordWrap />
        </GraphiQL>
      </main>
    </>
  );
}
