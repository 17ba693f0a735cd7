/** Begins, renews and ends sessions. It asks by itself: there is no client before there is a session. */

import { stringifyDocument, type TypedDocumentNode } from "@urql/core";
import { graphql } from "./graph";
import { renewSession, sessionOf } from "./renewal";
import { endSession, session, setSession } from "./session";

const Login = graphql(`
  mutation Login($email: String!, $password: String!) {
    login(email: $email, password: $password) { accessToken refreshToken expiresAt errors { message } }
  }
`);
const Refresh = graphql(`
  mutation Refresh($refreshToken: String!) {
    refreshToken(refreshToken: $refreshToken) { accessToken refreshToken expiresAt }
  }
`);
const Logout = graphql(`
  mutation Logout($refreshToken: String!) { logout(refreshToken: $refreshToken) { deletedId } }
`);

const UNREACHABLE = "The server can't be reached. Check that it is running and that you are connected, then try again.";

/** Begin a session with a password; answers what was wrong, in words, or null. */
export async function signIn(email: string, password: string): Promise<string | null> {
  try {
    const { login } = await ask(Login, { email, password });
    const begun = sessionOf(login);
    if (begun) setSession(begun);
    return begun ? null : (login.errors[0]?.message ?? "The server gave no token. Try again.");
  } catch (fault) {
    return fault instanceof Refused ? fault.message : UNREACHABLE;
  }
}

/** End the session here and on the server; where that can't be reached, its tokens run out by themselves. */
export async function signOut(): Promise<void> {
  const refreshToken = session()?.refreshToken;
  endSession("signed-out");
  if (refreshToken) await ask(Logout, { refreshToken }).catch(() => undefined);
}

/** A token for a request that goes out now: renewed before, where it is about to end; empty where nobody is signed in. */
export async function freshToken(): Promise<string> {
  if (isEnding()) await refreshSession();
  return session()?.accessToken ?? "";
}

/** Whether the token ends soon, and a new one can be had. */
export function isEnding(): boolean {
  return refreshInMs() <= 0;
}

/** How long the token may be used until it is time for a new one; Infinity where none can be had. */
export function refreshInMs(): number {
  return (session()?.refreshAt ?? Infinity) - Date.now();
}

/** Get new tokens in place of those of `refused`, or end that session where the server refuses. */
export async function refreshSession(refused = session()): Promise<void> {
  await renewSession(async (refreshToken) => {
    try {
      return (await ask(Refresh, { refreshToken })).refreshToken;
    } catch {
      // It was not refused: the server can't be reached, or has too much to do. The next request tries again.
      return "unreachable";
    }
  }, refused);
}

/** The server's own words, where it answered but not with data. */
class Refused extends Error {}

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: stringifyDocument(document), variables }),
  });
  const answer = (await response.json()) as { data?: Data | null; errors?: { message: string }[] };
  if (!answer.data) throw new Refused(answer.errors?.[0]?.message ?? UNREACHABLE);
  return answer.data;
}
