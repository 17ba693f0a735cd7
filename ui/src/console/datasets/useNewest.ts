import { useEffect } from "react";
import { type CombinedError, useQuery, useSubscription } from "urql";
import { useFeedGap } from "../JobFeed";
import { type Dataset, DatasetChanged, DatasetQuery } from "./queries";

export interface Newest {
  /** The dataset as it is now; null where there is none, undefined until that is known. */
  dataset: Dataset | null | undefined;
  error: CombinedError | undefined;
  read: () => void;
}

/** The newest version of a dataset, and each one that is committed from now on. */
export function useNewest(name: string): Newest {
  const [{ data, error }, execute] = useQuery({ query: DatasetQuery, variables: { name } });
  const read = () => execute({ requestPolicy: "network-only" });
  const dataset = data?.dataset;
  const [{ data: told, fetching: isTold }] = useSubscription({ query: DatasetChanged, variables: { name }, pause: !dataset });
  const version = told?.datasetChanged.version;

  useFeedGap(read);
  useEffect(() => {
    // The subscription tells of a version, and ends where the dataset was deleted.
    execute({ requestPolicy: "network-only" });
  }, [version, isTold, execute]);
  return { dataset, error, read };
}
