import { useCallback, useEffect, useRef } from "react";
import { useSearchParams } from "wouter";
import { useViewer } from "../shared/viewer";
import { DropAnywhere } from "./DropAnywhere";
import { FileJourney } from "./FileJourney";
import { FileStep } from "./FileStep";
import { type Step, stepNamed, Steps } from "./Steps";
import { send } from "./transfers";
import "./upload.css";

/** Brings a file in: choose it, look at its columns, check its rows, and only then ingest it. */
export default function UploadPage() {
  const [search, setSearch] = useSearchParams();
  const { canOperate } = useViewer();
  const fileId = search.get("file");
  const step: Step = fileId ? stepNamed(search.get("step")) : "file";
  const content = useFocusOnStep(step);

  const go = useCallback(
    (next: Step, file: string | null) => {
      scrollTo(0, 0);
      setSearch({ ...(file && { file }), ...(file && { step: next }) });
    },
    [setSearch],
  );
  const choose = useCallback((id: string) => go("columns", id), [go]);
  const sendDropped = useCallback(
    (files: File[]) => {
      send(files);
      setSearch({});
    },
    [setSearch],
  );

  return (
    <>
      <h1>Upload</h1>
      <Steps current={step} fileId={fileId} />
      {canOperate && <DropAnywhere onFiles={sendDropped} />}
      <div ref={content} tabIndex={-1} className="step">
        {step === "file" || !fileId ? (
          <FileStep onChosen={choose} />
        ) : (
          <FileJourney key={fileId} fileId={fileId} step={step} onStep={(next) => go(next, fileId)} />
        )}
      </div>
    </>
  );
}

/** A new step is read from its beginning. */
function useFocusOnStep(step: Step) {
  const content = useRef<HTMLDivElement>(null);
  const shown = useRef(step);
  useEffect(() => {
    if (shown.current !== step) content.current?.focus({ preventScroll: true });
    shown.current = step;
  }, [step]);
  return content;
}
