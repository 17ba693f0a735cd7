/** What a page shows where there is nothing yet, nothing at all, or something went wrong. */

import type { ReactNode } from "react";
import type { CombinedError } from "urql";

/** Something is on its way. */
export function Loading({ what }: { what: string }) {
  return <p className="state loading" role="status">Loading {what}…</p>;
}

/** There is nothing, and what to do about that. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className="state empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
    </section>
  );
}

/** It could not be read: why, and a way to try again. */
export function Failure({ error, onRetry }: { error: CombinedError; onRetry?: () => void }) {
  return (
    <section className="state failure" role="alert">
      <h2>{error.networkError ? "The server can't be reached" : "That didn't work"}</h2>
      <p>{describe(error)}</p>
      {onRetry && <button type="button" onClick={onRetry}>Try again</button>}
    </section>
  );
}

/** Say in a sentence what went wrong. */
export function describe(error: CombinedError): string {
  if (error.networkError) return "Check that it is running and that you are connected; what is shown may be old.";
  return error.graphQLErrors.map((each) => each.message).join(" ");
}
