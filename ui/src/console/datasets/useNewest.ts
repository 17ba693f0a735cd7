import { useCallback, useEffect } from "react";
import { type CombinedError, stringifyDocument, useQuery } from "urql";
import { socket } from "../../socket";
import { useIsLive } from "../JobFeed";
import { type Dataset, DatasetChanged, DatasetQuery } from "./queries";

export interface Newest {
  /** The dataset as it is now; null where there is none, undefined until that is known. */
  dataset: Dataset | null | undefined;
  error: CombinedError | undefined;
  read: () => void;
}

/** The newest version of a dataset, read anew with each one that is committed, and once it is deleted. */
export function useNewest(name: string): Newest {
  const [{ data, error }, execute] = useQuery({ query: DatasetQuery, variables: { name } });
  const read = useCallback(() => execute({ requestPolicy: "network-only" }), [execute]);
  const isThere = data?.dataset != null;
  const isLive = useIsLive();

  useEffect(() => {
    if (!isThere || !isLive) return undefined;
    // Something may have happened while nobody listened.
    read();
    return follow(name, read);
  }, [name, isThere, isLive, read]);
  return { dataset: data?.dataset, error, read };
}

/** Call back with each version, and at the dataset's end, which urql's own hook doesn't tell; answers how to stop that. */
function follow(name: string, tell: () => void): () => void {
  let isStopped = false;
  const hear = () => {
    if (!isStopped) tell();
  };
  const query = { query: stringifyDocument(DatasetChanged), variables: { name } };
  const stop = socket.subscribe(query, { next: hear, error: hear, complete: hear });
  return () => {
    isStopped = true;
    stop();
  };
}
