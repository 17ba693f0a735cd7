import { useQuery } from "urql";
import { graphql } from "../../graph";

export const Viewer = graphql(`
  query Viewer {
    viewer { role user { id email name } }
  }
`);

/** Who is signed in, and what they may do; nothing until that is known. */
export function useViewer() {
  const [{ data }] = useQuery({ query: Viewer, requestPolicy: "cache-first" });
  const role = data?.viewer.role;
  return {
    user: data?.viewer.user,
    role,
    /** Whether they may move data and manage pipelines. */
    canOperate: role === "OPERATOR" || role === "ADMIN",
    isAdmin: role === "ADMIN",
  };
}
