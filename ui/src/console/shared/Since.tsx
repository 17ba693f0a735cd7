import { useEffect, useReducer } from "react";
import { moment, since } from "./format";

const TICK_MS = 10_000;

/** How long ago something was, which grows while it is shown; the moment itself stands behind it. */
export function Since({ at }: { at: string }) {
  const [, tick] = useReducer((ticks: number) => ticks + 1, 0);
  useEffect(() => {
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return <time dateTime={at} title={moment(at)}>{since(at)}</time>;
}
