/** Files on their way to the server. They go on while other pages of the console are shown. */

import { useSyncExternalStore } from "react";
import { ending, onSession, session } from "../../session";
import { Sending } from "./sending";

export type TransferState = "waiting" | "sending" | "paused" | "retrying" | "checking" | "done" | "failed";

/** One file on its way, as it is at the moment. */
export interface Transfer {
  key: number;
  name: string;
  byteSize: number;
  sent: number;
  state: TransferState;
  /** How many bytes came from an earlier visit. */
  resumedFrom: number;
  bytesPerSecond: number | null;
  /** Why it waits or has failed, in words. */
  reason: string;
  /** Once it is done, or was refused after all of it had arrived. */
  fileId: string | null;
}

/** More would take the browser's connections away from the rest of the page. */
const AT_ONCE = 2;
const listeners = new Set<() => void>();
const sendings = new Map<number, Sending>();
let transfers: readonly Transfer[] = [];
let nextKey = 1;

/** All files that are on their way or have come since the page was opened, in their order. */
export function useTransfers(): readonly Transfer[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => transfers,
  );
}

/** Send files, one after the other. */
export function send(files: Iterable<File>): void {
  for (const file of files) {
    const key = nextKey++;
    sendings.set(key, new Sending(file, (change) => update(key, change)));
    transfers = [...transfers, begun(key, file)];
  }
  update(0, {});
}

function begun(key: number, file: File): Transfer {
  const none = { sent: 0, resumedFrom: 0, bytesPerSecond: null, reason: "", fileId: null };
  return { key, name: file.name, byteSize: file.size, state: "waiting", ...none };
}

/** Stop for now; what has arrived is kept. */
export function pause(key: number): void {
  sendings.get(key)?.pause();
}

/** Go on, or try at once what waits to be tried again. */
export function resume(key: number): void {
  update(key, { state: "waiting", reason: "" });
}

/** Take a file off the list; where it is still on its way, what has arrived of it is thrown away. */
export function remove(key: number): void {
  void sendings.get(key)?.cancel();
  sendings.delete(key);
  transfers = transfers.filter((each) => each.key !== key);
  update(0, {});
}

function update(key: number, change: Partial<Transfer>): void {
  transfers = transfers.map((each) => (each.key === key ? { ...each, ...change } : each));
  startNext();
  for (const listener of [...listeners]) listener();
}

function startNext(): void {
  const active = transfers.filter(({ state }) => state === "sending" || state === "checking" || state === "retrying");
  const free = transfers.filter(({ state }) => state === "waiting").slice(0, Math.max(0, AT_ONCE - active.length));
  if (free.length === 0) return;
  const keys = new Set(free.map((each) => each.key));
  transfers = transfers.map((each) => (keys.has(each.key) ? { ...each, state: "sending" } : each));
  for (const key of keys) void sendings.get(key)?.start();
}

// Whoever signs in next is shown nothing of the one before; whose session has ended may go on after signing in.
onSession(() => {
  if (session() !== null) return;
  for (const { key, state } of transfers) if (state !== "done" && state !== "failed") pause(key);
  if (ending() !== "signed-out") return;
  sendings.clear();
  transfers = [];
  update(0, {});
});
