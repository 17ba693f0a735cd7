import { type FormEvent, useRef, useState } from "react";
import { useMutation } from "urql";
import { signOut } from "../auth";
import { graphql } from "../graph";
import { Faults, type Fault, faultsOf } from "./shared/faults";
import { useViewer } from "./shared/viewer";

const ChangePassword = graphql(`
  mutation ChangePassword($current: String!, $new: String!) {
    changePassword(current: $current, new: $new) { errors { code message } }
  }
`);

const ROLES = { VIEWER: "Viewer: may look", OPERATOR: "Operator: may bring data in", ADMIN: "Administrator" };

/** Who is signed in: a button that opens what they can do about it. */
export function Account() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { user, role } = useViewer();
  return (
    <>
      <button type="button" className="quiet" aria-haspopup="dialog" onClick={() => dialog.current?.showModal()}>Account</button>
      <dialog ref={dialog} className="dialog account" aria-labelledby="account-title">
        <h2 id="account-title">{user?.name ?? user?.email ?? "Account"}</h2>
        {user && role && <p className="hint">{user.name ? `${user.email}, ` : ""}{ROLES[role]}</p>}
        <details>
          <summary>Change the password</summary>
          <PasswordForm email={user?.email ?? ""} />
        </details>
        <div className="row end">
          <button type="button" className="quiet" onClick={() => dialog.current?.close()}>Close</button>
          <button type="button" onClick={() => void signOut()}>Sign out</button>
        </div>
      </dialog>
    </>
  );
}

function PasswordForm({ email }: { email: string }) {
  const [{ fetching }, change] = useMutation(ChangePassword);
  const [faults, setFaults] = useState<Fault[] | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const result = await change({ current: String(given.get("current")), new: String(given.get("new")) });
    const wrong = faultsOf(result, result.data?.changePassword.errors);
    if (wrong.length === 0) form.reset();
    setFaults(wrong);
  }

  return (
    <form onSubmit={submit}>
      {/* For password managers: whose password it is. */}
      <input name="username" autoComplete="username" value={email} readOnly hidden />
      <label>Present password<input name="current" type="password" autoComplete="current-password" required /></label>
      <label>New password<input name="new" type="password" autoComplete="new-password" minLength={8} required /></label>
      <p className="hint">At least 8 characters. Sessions elsewhere end.</p>
      <Faults of={faults ?? []} />
      {faults?.length === 0 && <p role="status" className="fine">Changed. Your other sessions have ended.</p>}
      <button type="submit" disabled={fetching}>Change it</button>
    </form>
  );
}
