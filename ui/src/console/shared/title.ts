import { useEffect } from "react";

/** What the window is called while the caller is shown: of several callers the innermost counts. */
export function useTitle(title: string): void {
  useEffect(() => setTitle(title), [title]);
}

/** Name the window at once. */
export function setTitle(title: string): void {
  document.title = title ? `${title} · Headgate` : "Headgate";
}
