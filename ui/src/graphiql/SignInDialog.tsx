import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { signIn } from "../auth";
import { setSession } from "../session";
import { ask } from "./http";

const WHO = "{ viewer { role } }";
const NOT_GOOD = "This token is not, or no longer, good. The command headgate token prints one that is.";

/** Two ways to begin a session: a token, or address and password. What was typed stays where it is refused. */
export function SignInDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const close = () => dialog.current?.close();
  useEffect(() => dialog.current?.showModal(), []);

  return (
    <dialog ref={dialog} className="sign-in" aria-labelledby="sign-in-title" onClose={onClose}>
      <h2 id="sign-in-title">Sign in</h2>
      <Way label="Use the token" begin={byToken} onBegun={close}>
        <label>
          <span>Token that <code>headgate token</code> prints, or API key</span>
          <input name="token" required autoComplete="off" spellCheck={false} autoFocus />
        </label>
      </Way>
      <Way label="Sign in" begin={byPassword} onBegun={close}>
        <label>E-mail<input name="email" type="email" required autoComplete="username" /></label>
        <label>Password<input name="password" type="password" required autoComplete="current-password" /></label>
      </Way>
      <button type="button" onClick={close}>Cancel</button>
    </dialog>
  );
}

interface WayProps {
  label: string;
  /** Begins a session with what was typed; answers what was wrong, or null. */
  begin: (typed: FormData) => Promise<string | null>;
  onBegun: () => void;
  children: ReactNode;
}

function Way({ label, begin, onBegun, children }: WayProps) {
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    const wrong = await begin(new FormData(event.currentTarget));
    setBusy(false);
    setFault(wrong ?? "");
    if (wrong === null) onBegun();
  }

  return (
    <form onSubmit={submit}>
      {children}
      <p role="alert">{fault}</p>
      <button type="submit" className="main" disabled={isBusy}>{label}</button>
    </form>
  );
}

async function byToken(typed: FormData): Promise<string | null> {
  const accessToken = String(typed.get("token")).trim().replace(/^Bearer\s+/i, "");
  const { data, errors } = await ask({ query: WHO }, { authorization: `Bearer ${accessToken}` });
  if (data) setSession({ accessToken });
  const fault = data ? null : errors?.[0];
  return fault?.extensions?.code === "UNAUTHENTICATED" ? NOT_GOOD : (fault?.message ?? null);
}

function byPassword(typed: FormData): Promise<string | null> {
  return signIn(String(typed.get("email")), String(typed.get("password")));
}
