/** Who is signed in: asked once for the whole page, and known from then on. */

import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { useQuery } from "urql";
import { graphql, type ResultOf } from "../../graph";

export const Viewer = graphql(`
  query Viewer {
    viewer { role user { id email name } }
  }
`);

type Known = ResultOf<typeof Viewer>["viewer"];

const Context = createContext<Known | undefined>(undefined);

/** Tell the children who is signed in; what was known stays while it is read anew, so that no form is taken away. */
export function ViewerProvider({ children }: { children: ReactNode }) {
  const [{ data }] = useQuery({ query: Viewer, requestPolicy: "cache-first" });
  const [known, setKnown] = useState(data?.viewer);
  useEffect(() => {
    if (data) setKnown(data.viewer);
  }, [data]);
  return <Context.Provider value={known}>{children}</Context.Provider>;
}

/** Who is signed in, and what they may do; nothing until that is known. */
export function useViewer() {
  const viewer = useContext(Context);
  const role = viewer?.role;
  return {
    user: viewer?.user,
    role,
    /** Whether they may move data and manage pipelines. */
    canOperate: role === "OPERATOR" || role === "ADMIN",
    isAdmin: role === "ADMIN",
  };
}
