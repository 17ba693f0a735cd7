import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { Empty, Failure, Loading } from "../shared/states";
import { Tabs, useView } from "../shared/Tabs";
import { useTitle } from "../shared/title";
import { useChanges } from "../shared/useChanges";
import { useViewer } from "../shared/viewer";
import { Controls } from "./Controls";
import { Figures } from "./Figures";
import { History } from "./History";
import { type Pipeline, PipelineQuery } from "./queries";
import { ScheduleOf } from "./ScheduleOf";
import { SpecGraph } from "./SpecGraph";
import { Versions } from "./Versions";
import { YamlPart } from "./YamlPart";
import "./pipelines.css";

const TABS = [
  { view: "overview", name: "Overview" },
  { view: "yaml", name: "YAML" },
  { view: "jobs", name: "Jobs" },
  { view: "versions", name: "Versions" },
] as const;

/** One pipeline: what it does, its jobs, and its versions. */
export default function PipelinePage({ name }: { name: string }) {
  useTitle(name);
  const [{ data, error }, execute] = useQuery({ query: PipelineQuery, variables: { name } });
  const [wasThere, setThere] = useState(false);
  const read = () => execute({ requestPolicy: "network-only" });
  const pipeline = data?.pipeline;
  useChanges(read);
  useEffect(() => {
    if (pipeline) setThere(true);
  }, [pipeline]);
  if (pipeline) return <PipelineOf pipeline={pipeline} />;
  if (error) return <Failure error={error} onRetry={read} />;
  if (pipeline === undefined) return <Loading what="the pipeline" />;
  return (
    <Empty title={wasThere ? `${name} was deleted` : `There is no pipeline ${name}`}>
      <Link href="/pipelines">All pipelines</Link>
    </Empty>
  );
}

function PipelineOf({ pipeline }: { pipeline: Pipeline }) {
  const view = useView(TABS);
  const { canOperate } = useViewer();
  return (
    <>
      <h1>
        {pipeline.name} {!pipeline.enabled && <span className="status paused">Paused</span>}
      </h1>
      {pipeline.description && <p>{pipeline.description}</p>}
      {canOperate && <Controls pipeline={pipeline} />}
      <Tabs tabs={TABS} shown={view} label="Parts of the pipeline" />
      {view === "overview" && <Overview pipeline={pipeline} canOperate={canOperate} />}
      {view === "yaml" && <YamlPart key={pipeline.name} pipeline={pipeline} canOperate={canOperate} />}
      {view === "jobs" && <History name={pipeline.name} />}
      {view === "versions" && <Versions name={pipeline.name} newest={pipeline.version} canOperate={canOperate} />}
    </>
  );
}

function Overview({ pipeline, canOperate }: { pipeline: Pipeline; canOperate: boolean }) {
  return (
    <>
      <SpecGraph spec={pipeline.spec} />
      <ScheduleOf pipeline={pipeline} canOperate={canOperate} />
      <Figures pipeline={pipeline} />
    </>
  );
}
