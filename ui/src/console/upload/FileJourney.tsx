import { useEffect } from "react";
import { useQuery } from "urql";
import { graphql, type ResultOf } from "../../graph";
import { bytes } from "../shared/format";
import { Icon } from "../shared/Icon";
import { Empty, Failure, Loading } from "../shared/states";
import { ChecksStep } from "./ChecksStep";
import { ColumnsStep } from "./ColumnsStep";
import { IngestStep } from "./IngestStep";
import { usePlan } from "./plan";
import type { Step } from "./Steps";

const FileQuery = graphql(`
  query UploadedFile($id: ID!) {
    file(id: $id) {
      id
      name
      status
      format
      byteSize
      dialect { encoding delimiter quote escape newline hasHeader skipRows confidence }
      columns { name type nullable }
      failure { code message }
    }
  }
`);

export type UploadedFile = NonNullable<ResultOf<typeof FileQuery>["file"]>;

const ASK_AGAIN_MS = 2_000;

interface Props {
  fileId: string;
  step: Step;
  onStep: (step: Step) => void;
}

/** The steps after the first, for one file. */
export function FileJourney({ fileId, step, onStep }: Props) {
  const [{ data, error }, read] = useQuery({ query: FileQuery, variables: { id: fileId }, requestPolicy: "cache-and-network" });
  const status = data?.file?.status;
  useEffect(() => {
    if (status !== "RECEIVING") return;
    const timer = setInterval(() => read({ requestPolicy: "network-only" }), ASK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [status, read]);

  if (!data) return error ? <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} /> : <Loading what="the file" />;
  if (!data.file) return <Empty title="There is no such file">Choose another one.</Empty>;
  if (data.file.status !== "READY") return <NotReady file={data.file} />;
  return <ReadyFile file={data.file} step={step} onStep={onStep} />;
}

function ReadyFile({ file, step, onStep }: { file: UploadedFile; step: Step; onStep: (step: Step) => void }) {
  const [plan, change] = usePlan(file.id);
  return (
    <>
      <p className="the-file"><Icon name="file" /> <strong className="name">{file.name}</strong> <span className="hint">{bytes(file.byteSize)}</span></p>
      {step === "columns" && <ColumnsStep file={file} plan={plan} change={change} onNext={() => onStep("checks")} />}
      {step === "checks" && <ChecksStep file={file} plan={plan} change={change} onStep={onStep} />}
      {step === "ingest" && <IngestStep file={file} plan={plan} change={change} onStep={onStep} />}
    </>
  );
}

function NotReady({ file }: { file: UploadedFile }) {
  if (file.status === "RECEIVING")
    return <Empty title={`${file.name} has not all arrived`}>If the upload broke off, choose the same file again in the first step: it goes on where it stopped.</Empty>;
  if (file.status === "EXPIRED")
    return <Empty title={`${file.name} is gone`}>Its content was deleted, or did not all arrive in time. Upload it again.</Empty>;
  return (
    <section className="state failure" role="alert">
      <h2>{file.name} can't be used</h2>
      <p>{file.failure?.message}</p>
    </section>
  );
}
