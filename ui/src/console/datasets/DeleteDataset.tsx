import { useMutation } from "urql";
import { useLocation } from "wouter";
import { ConfirmedButton } from "../shared/ConfirmedButton";
import { faultsOf } from "../shared/faults";
import { DeleteDataset as Delete } from "./queries";

/** Deletes a dataset with all its versions, once that was confirmed. */
export function DeleteDataset({ name }: { name: string }) {
  const [, remove] = useMutation(Delete);
  const [, go] = useLocation();

  async function run() {
    const result = await remove({ name });
    const faults = faultsOf(result, result.data?.deleteDataset.errors);
    if (faults.length === 0) go("/datasets");
    return faults;
  }

  return (
    <ConfirmedButton name="Delete" title={`Delete ${name}?`} action="Delete the dataset" isDangerous run={run}>
      All its rows and all its versions are gone then, for everyone. This can't be undone.
    </ConfirmedButton>
  );
}
