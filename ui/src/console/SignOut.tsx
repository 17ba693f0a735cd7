import { useState } from "react";
import { useClient } from "urql";
import { graphql } from "../graph";
import { session, setSession } from "../session";
import { useViewer } from "./shared/viewer";

const Logout = graphql(`
  mutation Logout($refreshToken: String!) {
    logout(refreshToken: $refreshToken) { errors { code } }
  }
`);

/** Ends the session, on the server too where it began with a password. */
export function SignOut() {
  const client = useClient();
  const { user, role } = useViewer();
  const [isBusy, setBusy] = useState(false);

  async function signOut() {
    const refreshToken = session()?.refreshToken;
    setBusy(true);
    // Where the server can't be reached, the browser forgets the tokens all the same.
    if (refreshToken) await client.mutation(Logout, { refreshToken });
    setSession(null);
  }

  const who = user ? `${user.name ?? user.email}, ${role?.toLowerCase()}` : undefined;
  return <button type="button" className="quiet" disabled={isBusy} title={who} onClick={() => void signOut()}>Sign out</button>;
}
