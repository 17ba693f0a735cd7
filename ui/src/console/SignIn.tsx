import { type FormEvent, useState } from "react";
import { signIn } from "../auth";
import { ending, type Ending } from "../session";
import { Icon } from "./shared/Icon";

const WHY: Record<Ending, string> = {
  "signed-out": "You are signed out.",
  session: "Your session has ended: it ran out, or was ended elsewhere. Sign in again to go on where you were.",
  link: "The token of your link is wrong or has expired. Sign in, or ask for a new link.",
};

/** Signs a user in with address and password; the page that the address names follows. */
export function SignIn() {
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const why = ending();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFault(null);
    const wrong = await signIn(String(form.get("email")), String(form.get("password")));
    setBusy(false);
    setFault(wrong);
  }

  return (
    <main className="sign-in">
      <h1><Icon name="gate" /> Headgate</h1>
      {why && fault === null && <p role="status" className={why === "signed-out" ? "hint" : "notice"}>{WHY[why]}</p>}
      <form onSubmit={submit}>
        <label>E-mail<input name="email" type="email" autoComplete="username" required autoFocus /></label>
        <label>Password<input name="password" type="password" autoComplete="current-password" required /></label>
        {fault !== null && <p role="alert" className="fault">{fault}</p>}
        <button type="submit" disabled={isBusy}>{isBusy ? "Signing in…" : "Sign in"}</button>
      </form>
      <p className="hint">
        Whoever runs the server gets a link that signs in: <code>headgate token --link</code> prints it.
      </p>
    </main>
  );
}
