/** Who the session belongs to, as the server says. */

import { useEffect, useState, useSyncExternalStore } from "react";
import { type Ending, ending, onSession, session } from "../session";
import { ask } from "./http";

export type Account =
  | { state: "asking" }
  | { state: "in"; email: string; role: string }
  | { state: "unknown"; reason: string }
  | { state: "out"; why: Ending | null };

interface Seen {
  viewer: { role: string; user: { email: string } };
}

const WHO = "{ viewer { role user { email } } }";

/** The account of the session as it is now; asked for again whenever another session begins. */
export function useAccount(): Account {
  const current = useSyncExternalStore(onSession, session);
  const [found, setFound] = useState<Account>({ state: "asking" });
  useEffect(() => {
    if (!current) {
      setFound({ state: "asking" });
      return;
    }
    let isCurrent = true;
    void whose().then((account) => isCurrent && setFound(account));
    return () => void (isCurrent = false);
  }, [current]);
  return current ? found : { state: "out", why: ending() };
}

async function whose(): Promise<Account> {
  const { data, errors } = await ask<Seen>({ query: WHO });
  if (data) return { state: "in", email: data.viewer.user.email, role: data.viewer.role };
  return { state: "unknown", reason: errors?.[0]?.message ?? "" };
}
