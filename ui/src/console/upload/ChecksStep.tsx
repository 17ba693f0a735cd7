import { Link } from "wouter";
import { useViewer } from "../shared/viewer";
import { CheckList } from "./CheckList";
import type { UploadedFile } from "./FileJourney";
import { NameChoice } from "./NameChoice";
import type { ChangePlan, Plan, RulesFrom } from "./plan";
import type { Step } from "./Steps";
import { ValidationPreview } from "./ValidationPreview";

const CHOICES: { from: RulesFrom; name: string }[] = [
  { from: "checks", name: "Checks chosen here" },
  { from: "pipeline", name: "A pipeline" },
  { from: "template", name: "A template" },
];

interface Props {
  file: UploadedFile;
  plan: Plan;
  change: ChangePlan;
  onStep: (step: Step) => void;
}

/** The third step: what the rows are held against, and what they are like before anything is ingested. */
export function ChecksStep({ file, plan, change, onStep }: Props) {
  const { canOperate } = useViewer();
  return (
    <>
      <h2>What the rows must keep</h2>
      <fieldset className="choices">
        <legend className="unseen">Where the rules come from</legend>
        {CHOICES.map(({ from, name }) => (
          <label key={from} className="tick">
            <input type="radio" name="rules" checked={plan.rulesFrom === from} onChange={() => change({ rulesFrom: from })} />{name}
          </label>
        ))}
      </fieldset>
      {plan.rulesFrom === "checks" && <CheckList file={file} plan={plan} change={change} />}
      {plan.rulesFrom === "checks" && plan.isContract && (
        <p className="hint">The types of the <Link href={`/upload?file=${file.id}&step=columns`}>columns</Link> are held to as well.</p>
      )}
      {plan.rulesFrom !== "checks" && <NameChoice plan={plan} change={change} />}
      <ValidationPreview file={file} plan={plan} />
      {canOperate ? (
        <p className="row"><button type="button" onClick={() => onStep("ingest")}>Go on to ingest</button></p>
      ) : (
        <p className="hint">To ingest the file takes the role of an operator.</p>
      )}
    </>
  );
}
