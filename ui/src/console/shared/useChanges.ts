import { useFeedGap, useJobEvents } from "../JobFeed";
import { useThrottled } from "./useThrottled";

const PAUSE_MS = 500;

/** Call back soon after jobs got another status, or may have: once for many that come together. */
export function useChanges(tell: () => void): void {
  const tellSoon = useThrottled(tell, PAUSE_MS);
  useFeedGap(tell);
  useJobEvents(({ type }) => {
    if (type === "STATUS") tellSoon();
  });
}
