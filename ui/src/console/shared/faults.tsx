/** What kept a mutation from being carried out: in the API's own words, or that the server can't be reached. */

import type { OperationResult } from "urql";
import { describe } from "./states";

export interface Fault {
  code: string;
  message: string;
  path?: string[] | null;
}

/** List what was wrong with a mutation, of which these are the payload's `errors`; nothing where it was carried out. */
export function faultsOf(result: Pick<OperationResult, "error">, errors: Fault[] | undefined): Fault[] {
  if (result.error) return [{ code: "", message: describe(result.error) }];
  return errors ?? [];
}

/** Faults beside what they concern; told by screen readers as they come up. */
export function Faults({ of: faults }: { of: Fault[] }) {
  return (
    <div role="alert" className="faults">
      {faults.map(({ code, message }) => <p key={code + message} className="fault">{message}</p>)}
    </div>
  );
}
