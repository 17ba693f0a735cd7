import { Link } from "wouter";
import { KIND_NAMES } from "../jobs/words";
import { count } from "../shared/format";
import { LoadMore } from "../shared/LoadMore";
import { Since } from "../shared/Since";
import { Failure, Loading } from "../shared/states";
import { usePages, useReloadAt } from "../shared/usePages";
import { useViewer } from "../shared/viewer";
import { pathOf } from "./address";
import { type Version, VersionsQuery } from "./queries";
import { RestoreVersion } from "./RestoreVersion";

const MODES = { APPEND: "Added", REPLACE: "Replaced", UPSERT: "Merged" } as const;

interface Props {
  name: string;
  newest: number | null;
  /** The one that the page shows. */
  shown: number;
  onRestored: (version: number | null) => void;
}

/** The versions of a dataset that can be read, the newest first. */
export function Versions({ name, newest, shown, onRestored }: Props) {
  const pages = usePages(VersionsQuery, { name }, (data) => data.dataset?.versions);
  const { entries: versions, reload } = pages;
  useReloadAt(newest, reload);
  if (!versions) return pages.error ? <Failure error={pages.error} onRetry={reload} /> : <Loading what="versions" />;
  return (
    <>
      <div className="scroll versions" role="region" aria-label="Versions" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col" className="number">Version</th>
              <th scope="col">When</th>
              <th scope="col">How</th>
              <th scope="col" className="number">Rows added</th>
              <th scope="col" className="number">Rows removed</th>
              <th scope="col">Job</th>
              <th scope="col">By</th>
              <th scope="col"><span className="unseen">What can be done</span></th>
            </tr>
          </thead>
          <tbody>
            {versions.map((version) => (
              <VersionRow
                key={version.version}
                name={name}
                version={version}
                isNewest={version.version === newest}
                isShown={version.version === shown}
                onRestored={onRestored}
              />
            ))}
          </tbody>
        </table>
      </div>
      <LoadMore pages={pages} what="versions" />
    </>
  );
}

interface RowProps {
  name: string;
  version: Version;
  isNewest: boolean;
  isShown: boolean;
  onRestored: (version: number | null) => void;
}

function VersionRow({ name, version, isNewest, isShown, onRestored }: RowProps) {
  const { canOperate } = useViewer();
  const number = version.version;
  return (
    <tr aria-current={isShown ? "true" : undefined}>
      <th scope="row" className="number">{number}</th>
      <td className="when"><Since at={version.createdAt} /></td>
      <td>{MODES[version.mode]}</td>
      <td className="number">{count(version.rowsAdded)}</td>
      <td className="number">{count(version.rowsRemoved)}</td>
      <td>{version.job ? <Link href={`/jobs/${version.job.id}`}>{KIND_NAMES[version.job.kind]}</Link> : <span className="nothing">none</span>}</td>
      <td>{version.job?.createdBy?.name ?? <span className="nothing">nobody</span>}</td>
      <td>
        <div className="row end">
          {isShown ? <span className="hint">Shown</span> : (
            <Link href={pathOf(name, { version: number })} className="button quiet" aria-label={`Look at version ${number}`}>Look</Link>
          )}
          {canOperate && !isNewest && <RestoreVersion name={name} version={number} onRestored={onRestored} />}
        </div>
      </td>
    </tr>
  );
}
