/** The page's one live feed: events of all jobs, which keep the cache current for every query that shows these jobs. */

import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { type ResultOf, graphql } from "../graph";
import { useClient } from "urql";
import { socket } from "../socket";

const Feed = graphql(`
  subscription Feed($after: String) {
    jobs(after: $after) {
      cursor
      type
      job {
        id
        kind
        status
        startedAt
        finishedAt
        durationMs
        progress { stage fraction rowsRead rowsWritten bytesRead bytesTotal rowsPerSecond etaSeconds message }
        counts { read accepted rejected filtered merged }
      }
    }
  }
`);

export type FeedEvent = ResultOf<typeof Feed>["jobs"];
type Listener = (event: FeedEvent) => void;

interface FeedValue {
  /** Whether events come in at the moment. */
  isLive: boolean;
  listeners: Set<Listener>;
}

const Context = createContext<FeedValue>({ isLive: false, listeners: new Set() });

/** Listen to the feed for as long as the children are there; after a lost connection it goes on behind the last event. */
export function JobFeed({ children }: { children: ReactNode }) {
  const client = useClient();
  const listeners = useRef(new Set<Listener>()).current;
  const [isLive, setLive] = useState(false);

  useEffect(() => {
    let after: string | null = null;
    let subscription = subscribe();
    function subscribe() {
      return client.subscription(Feed, { after }).subscribe(({ data, error }) => {
        if (error || !data) return;
        after = data.jobs.cursor;
        for (const listener of [...listeners]) listener(data.jobs);
      });
    }
    const stopOpened = socket.on("connected", (_socket, _payload, wasRetry) => {
      setLive(true);
      if (!wasRetry) return;
      // What the socket would send again is the operation as it first was, without what was seen since.
      subscription.unsubscribe();
      subscription = subscribe();
    });
    const stopClosed = socket.on("closed", () => setLive(false));
    return () => {
      stopOpened();
      stopClosed();
      subscription.unsubscribe();
    };
  }, [client, listeners]);

  const value = useMemo(() => ({ isLive, listeners }), [isLive, listeners]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

/** Whether the page hears of what happens as it happens. */
export function useIsLive(): boolean {
  return useContext(Context).isLive;
}

/** Call back with each event of a job, for as long as the caller is shown. */
export function useJobEvents(listener: Listener): void {
  const { listeners } = useContext(Context);
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => {
    const call: Listener = (event) => latest.current(event);
    listeners.add(call);
    return () => void listeners.delete(call);
  }, [listeners]);
}
