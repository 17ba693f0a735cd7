import { type FormEvent, useMemo, useState } from "react";
import { graphql } from "../graph";
import { sessionOf } from "../renewal";
import { setSession } from "../session";
import { makeClient } from "./api";
import { Icon } from "./shared/Icon";

const Login = graphql(`
  mutation Login($email: String!, $password: String!) {
    login(email: $email, password: $password) {
      accessToken
      refreshToken
      expiresAt
      errors { code message }
    }
  }
`);

/** Signs a user in with address and password. */
export function SignIn() {
  const client = useMemo(makeClient, []);
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    const { data, error } = await client.mutation(Login, { email: String(form.get("email")), password: String(form.get("password")) });
    setBusy(false);
    const begun = data?.login && sessionOf(data.login);
    if (begun) setSession(begun);
    else setFault(data?.login.errors[0]?.message ?? error?.message ?? "Signing in failed.");
  }

  return (
    <main className="sign-in">
      <h1><Icon name="gate" /> Headgate</h1>
      <form onSubmit={submit}>
        <label>E-mail<input name="email" type="email" autoComplete="username" required autoFocus /></label>
        <label>Password<input name="password" type="password" autoComplete="current-password" required /></label>
        <p role="alert" className="fault">{fault}</p>
        <button type="submit" disabled={isBusy}>{isBusy ? "Signing in…" : "Sign in"}</button>
      </form>
      <p className="hint">
        Whoever runs the server gets a link that signs in: <code>headgate serve</code> prints it.
      </p>
    </main>
  );
}
