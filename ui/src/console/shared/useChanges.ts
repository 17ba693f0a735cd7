import { useEffect, useRef } from "react";
import { useFeedGap, useJobEvents } from "../JobFeed";

const PAUSE_MS = 500;

/** Call back soon after jobs got another status, or may have: once for many that come together. */
export function useChanges(tell: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(tell);
  useEffect(() => {
    latest.current = tell;
  });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  useFeedGap(tell);
  useJobEvents(({ type }) => {
    if (type !== "STATUS") return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, PAUSE_MS);
  });
}
