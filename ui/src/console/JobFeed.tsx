/** The page's one live feed: events of all jobs, which keep the cache current for every query that shows these jobs. */

import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { type Client, useClient } from "urql";
import { type ResultOf, graphql } from "../graph";
import { session } from "../session";
import { socket } from "../socket";
import { Viewer } from "./shared/viewer";

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
        counts { read accepted rejected filtered merged warnings }
        retryOf { id }
        parent { id }
      }
    }
  }
`);

export type FeedEvent = ResultOf<typeof Feed>["jobs"];
type Listener = (event: FeedEvent) => void;

/** Whether events come in; since when not, in milliseconds since 1970, where they did before. */
export type Connection = { state: "connecting" } | { state: "live" } | { state: "lost"; since: number };

interface FeedValue {
  connection: Connection;
  listeners: Set<Listener>;
  gapListeners: Set<() => void>;
}

const Context = createContext<FeedValue>({
  connection: { state: "connecting" },
  listeners: new Set(),
  gapListeners: new Set(),
});

/** Before the feed is begun anew that the server has ended. */
const PAUSE_MS = 3_000;

/** Listen to the feed for as long as the children are there; after a lost connection it goes on behind the last event. */
export function JobFeed({ children }: { children: ReactNode }) {
  const client = useClient();
  const listeners = useRef(new Set<Listener>()).current;
  const gapListeners = useRef(new Set<() => void>()).current;
  const [connection, setConnection] = useState<Connection>({ state: "connecting" });

  useEffect(() => {
    const tellGap = () => [...gapListeners].forEach((listener) => listener());
    const feed = follow(client, (event) => {
      if (event.type === "LAGGED") tellGap();
      for (const listener of [...listeners]) listener(event);
    });
    const stopOpened = socket.on("connected", (_socket, _payload, wasRetry) => {
      setConnection({ state: "live" });
      if (!wasRetry) return;
      feed.goOn();
      tellGap();
    });
    const stopClosed = socket.on("closed", () =>
      setConnection((before) => (before.state === "live" ? { state: "lost", since: Date.now() } : before)),
    );
    return () => {
      stopOpened();
      stopClosed();
      feed.stop();
    };
  }, [client, listeners, gapListeners]);

  const value = useMemo(() => ({ connection, listeners, gapListeners }), [connection, listeners, gapListeners]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

function follow(client: Client, tell: Listener) {
  let after: string | null = null;
  let pause: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let subscription = subscribe();

  function subscribe() {
    return client.subscription(Feed, { after }).subscribe(({ data, error }) => {
      if (error) void beginAnew();
      if (!data) return;
      after = data.jobs.cursor;
      tell(data.jobs);
    });
  }

  /** The server ended the feed: a token that is no longer good is renewed by asking, or the session ends. */
  async function beginAnew() {
    await client.query(Viewer, {}, { requestPolicy: "network-only" });
    if (isStopped || session() === null) return;
    clearTimeout(pause);
    pause = setTimeout(goOn, PAUSE_MS);
  }

  /** What the socket would send again is the operation as it first was, without what was seen since. */
  function goOn() {
    subscription.unsubscribe();
    subscription = subscribe();
  }

  function stop() {
    isStopped = true;
    clearTimeout(pause);
    subscription.unsubscribe();
  }

  return { goOn, stop };
}

/** Whether the page hears of what happens as it happens. */
export function useIsLive(): boolean {
  return useConnection().state === "live";
}

/** Whether the page hears of what happens, and since when not. */
export function useConnection(): Connection {
  return useContext(Context).connection;
}

/** Call back with each event of a job, for as long as the caller is shown. */
export function useJobEvents(listener: Listener): void {
  useListener(useContext(Context).listeners, listener);
}

/** Call back where events may have been missed: what is shown is to be read anew. */
export function useFeedGap(listener: () => void): void {
  useListener(useContext(Context).gapListeners, listener);
}

function useListener<Arguments extends unknown[]>(
  listeners: Set<(...given: Arguments) => void>,
  listener: (...given: Arguments) => void,
): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => {
    const call = (...given: Arguments) => latest.current(...given);
    listeners.add(call);
    return () => void listeners.delete(call);
  }, [listeners]);
}
