import { useState } from "react";
import { signOut } from "../auth";
import type { Ending } from "../session";
import { type Account, useAccount } from "./account";
import { SignInDialog } from "./SignInDialog";

const WHY: Record<Ending, string> = {
  "signed-out": "You are signed out.",
  session: "Your session has ended: it ran out, or was ended elsewhere.",
  link: "The token is wrong or has expired.",
};

/** Above GraphiQL: whose token is sent, and how to come by one. */
export function AccountBar() {
  const account = useAccount();
  const [isAsking, setAsking] = useState(false);
  return (
    <header className={account.state === "out" ? "account out" : "account"}>
      <a className="account-home" href="/">Headgate</a>
      <p role="status"><Said account={account} /></p>
      {account.state === "out" ? (
        <button type="button" className="main" onClick={() => setAsking(true)}>Sign in or paste a token</button>
      ) : (
        <button type="button" onClick={() => void signOut()}>Sign out</button>
      )}
      {isAsking && <SignInDialog onClose={() => setAsking(false)} />}
    </header>
  );
}

function Said({ account }: { account: Account }) {
  switch (account.state) {
    case "asking":
      return "Asking who you are…";
    case "in":
      return <>Signed in as <strong>{account.email}</strong> ({account.role})</>;
    case "unknown":
      return account.reason;
    case "out":
      return account.why ? WHY[account.why] : "Nobody is signed in.";
  }
}
