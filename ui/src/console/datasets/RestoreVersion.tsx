import { useMutation } from "urql";
import { ConfirmedButton } from "../shared/ConfirmedButton";
import { faultsOf } from "../shared/faults";
import { Restore } from "./queries";

interface Props {
  name: string;
  version: number;
  onRestored: (version: number | null) => void;
}

/** Brings an old version back, as a new one, once that was confirmed. */
export function RestoreVersion({ name, version, onRestored }: Props) {
  const [, restore] = useMutation(Restore);
  const title = `Restore version ${version}`;

  async function run() {
    const result = await restore({ name, version });
    const faults = faultsOf(result, result.data?.restoreDataset.errors);
    if (faults.length === 0) onRestored(result.data?.restoreDataset.dataset?.version ?? null);
    return faults;
  }

  return (
    <ConfirmedButton name="Restore" label={title} title={`${title}?`} action={title} run={run}>
      Its rows and columns become the newest version of {name}. All other versions stay.
    </ConfirmedButton>
  );
}
