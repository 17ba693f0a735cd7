import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { bytes, count } from "../shared/format";
import { Since } from "../shared/Since";
import { Empty, Failure, Loading } from "../shared/states";
import { Tabs, useView } from "../shared/Tabs";
import { useTitle } from "../shared/title";
import { useViewer } from "../shared/viewer";
import { useWanted } from "./address";
import { DeleteDataset } from "./DeleteDataset";
import { type Dataset, DatasetQuery, type Shown } from "./queries";
import { Rows } from "./Rows";
import { Statistics } from "./Statistics";
import { useNewest } from "./useNewest";
import { VersionNotice } from "./VersionNotice";
import { Versions } from "./Versions";
import "./datasets.css";

const TABS = [
  { view: "rows", name: "Rows" },
  { view: "columns", name: "Columns" },
  { view: "versions", name: "Versions" },
] as const;

/** One dataset: its rows, what its columns are like, and its versions. */
export default function DatasetPage({ name }: { name: string }) {
  useTitle(name);
  const { dataset, error, read } = useNewest(name);
  const [wasThere, setThere] = useState(false);
  useEffect(() => {
    if (dataset) setThere(true);
  }, [dataset]);
  if (dataset) return <DatasetOf newest={dataset} />;
  if (error) return <Failure error={error} onRetry={read} />;
  if (dataset === undefined) return <Loading what="the dataset" />;
  return (
    <Empty title={wasThere ? `${name} was deleted` : `There is no dataset ${name}`}>
      <Link href="/datasets">All datasets</Link>
    </Empty>
  );
}

function DatasetOf({ newest }: { newest: Dataset }) {
  const [wanted, change] = useWanted();
  // Later versions are announced, and not put under the reader's eyes.
  const [opened, setOpened] = useState(newest.version);
  const version = wanted.version ?? opened ?? newest.version;
  useEffect(() => setOpened((before) => before ?? newest.version), [newest.version]);
  const show = (chosen: number | null) => {
    setOpened(chosen);
    change({ version: null, view: null });
  };
  return (
    <>
      <Head dataset={newest} />
      {version === null ? (
        <Empty title="Nothing was written yet">The first job that writes to it makes version 0.</Empty>
      ) : (
        <AtVersion key={version} newest={newest} version={version} onShow={show} />
      )}
    </>
  );
}

function Head({ dataset }: { dataset: Dataset }) {
  const { canOperate } = useViewer();
  return (
    <>
      <div className="row title-row">
        <h1>{dataset.name}</h1>
        {canOperate && <DeleteDataset name={dataset.name} />}
      </div>
      {dataset.description && <p>{dataset.description}</p>}
    </>
  );
}

interface AtVersionProps {
  newest: Dataset;
  version: number;
  onShow: (version: number | null) => void;
}

function AtVersion({ newest, version, onShow }: AtVersionProps) {
  const view = useView(TABS);
  const isNewest = version === newest.version;
  const [{ data, error, fetching }, read] = useQuery({
    query: DatasetQuery,
    variables: { name: newest.name, version },
    pause: isNewest,
    requestPolicy: "cache-first",
  });
  const found = isNewest ? newest : data?.dataset;
  const shown: Shown | null = found ? { ...found, version } : null;
  return (
    <>
      <VersionNotice newest={newest} shown={shown} version={version} onShowNewest={() => onShow(newest.version)} onRestored={onShow} />
      {shown && <Figures dataset={shown} />}
      <Tabs tabs={TABS} shown={view} label="Parts of the dataset" />
      {view === "versions" && <Versions name={newest.name} newest={newest.version} shown={version} onRestored={onShow} />}
      {view !== "versions" && !shown && error && <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} />}
      {view !== "versions" && !shown && fetching && <Loading what={`version ${version}`} />}
      {view !== "versions" && !shown && !fetching && !error && (
        <Empty title={`Version ${version} can't be read`}>It never was, or it was not kept any longer.</Empty>
      )}
      {shown && view === "rows" && <Rows dataset={shown} />}
      {shown && view === "columns" && <Statistics dataset={shown} />}
    </>
  );
}

function Figures({ dataset }: { dataset: Shown }) {
  return (
    <dl className="figures">
      <div><dt>Rows</dt><dd>{count(dataset.rowCount)}</dd></div>
      <div><dt>Columns</dt><dd>{count(dataset.columns.length)}</dd></div>
      <div><dt>Size</dt><dd>{bytes(dataset.byteSize)}</dd></div>
      <div><dt>Version</dt><dd>{dataset.version}</dd></div>
      <div><dt>Changed</dt><dd><Since at={dataset.updatedAt} /></dd></div>
    </dl>
  );
}
