import { useState } from "react";
import { useMutation } from "urql";
import { ConfirmedButton } from "../shared/ConfirmedButton";
import { faultsOf } from "../shared/faults";
import { LoadMore } from "../shared/LoadMore";
import { Since } from "../shared/Since";
import { Failure, Loading } from "../shared/states";
import { usePages, useReloadAt } from "../shared/usePages";
import { diff } from "./diff";
import { type PipelineVersion, PipelineVersionsQuery, UpdatePipeline } from "./queries";

interface Props {
  name: string;
  newest: number;
  canOperate: boolean;
}

/** The versions of a pipeline, the newest first, each with what it changed. */
export function Versions({ name, newest, canOperate }: Props) {
  const pages = usePages(PipelineVersionsQuery, { name }, (data) => data.pipeline?.versions);
  const { entries: versions, reload } = pages;
  useReloadAt(newest, reload);
  if (!versions) return pages.error ? <Failure error={pages.error} onRetry={reload} /> : <Loading what="versions" />;
  return (
    <>
      <ol className="pipeline-versions" aria-label="Versions">
        {versions.map((version, place) => (
          <li key={version.version} className="panel">
            <div className="row title-row">
              <h2>Version {version.version}</h2>
              <span className="hint">
                <Since at={version.createdAt} />
                {version.createdBy && `, by ${version.createdBy.name}`}
              </span>
              {canOperate && version.version !== newest && <GoBack name={name} version={version} newest={newest} />}
            </div>
            {version.comment && <p>{version.comment}</p>}
            <WhatChanged version={version} before={versions[place + 1]} />
          </li>
        ))}
      </ol>
      <LoadMore pages={pages} what="versions" />
    </>
  );
}

const SIGNS = { same: " ", added: "+", removed: "−" } as const;

function WhatChanged({ version, before }: { version: PipelineVersion; before: PipelineVersion | undefined }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{before ? `What changed since version ${before.version}` : "All of it"}</summary>
      {isOpen && (
        <pre className="code diff" tabIndex={0} role="region" aria-label={`Changes of version ${version.version}`}>
          {before
            ? diff(before.yaml, version.yaml).map(({ change, text }, place) => (
                <span key={place} className={change}>{`${SIGNS[change]} ${text}`}</span>
              ))
            : version.yaml}
        </pre>
      )}
    </details>
  );
}

function GoBack({ name, version, newest }: { name: string; version: PipelineVersion; newest: number }) {
  const [, update] = useMutation(UpdatePipeline);
  const number = version.version;

  async function run() {
    const input = { name, yaml: version.yaml, comment: `As in version ${number}`, expectedVersion: newest };
    const result = await update({ input });
    return faultsOf(result, result.data?.updatePipeline.errors);
  }

  return (
    <ConfirmedButton
      name={`Go back to version ${number}`}
      title={`Go back to version ${number}?`}
      action={`Use version ${number}`}
      run={run}
    >
      {name} gets a new version that does what version {number} did. All versions stay.
    </ConfirmedButton>
  );
}
