import { Link } from "wouter";

export type Step = "file" | "columns" | "checks" | "ingest";

const STEPS: { step: Step; name: string }[] = [
  { step: "file", name: "File" },
  { step: "columns", name: "Columns" },
  { step: "checks", name: "Checks" },
  { step: "ingest", name: "Ingest" },
];

/** The step that an address names; the one after the file where it names none. */
export function stepNamed(name: string | null): Step {
  return STEPS.find(({ step }) => step === name)?.step ?? "columns";
}

/** Where one is on the way of a file; with a file, every step can be gone to. */
export function Steps({ current, fileId }: { current: Step; fileId: string | null }) {
  return (
    <nav aria-label="Steps">
      <ol className="steps">
        {STEPS.map(({ step, name }) => (
          <li key={step} aria-current={step === current ? "step" : undefined}>
            {fileId && step !== current ? <Link href={addressOf(step, fileId)}>{name}</Link> : <span>{name}</span>}
          </li>
        ))}
      </ol>
    </nav>
  );
}

function addressOf(step: Step, fileId: string): string {
  return `/upload?${new URLSearchParams({ file: fileId, step }).toString()}`;
}
