/** One file sent by tus: in pieces, gone on with after whatever interrupts it. */

import { DetailedError, type HttpRequest, type HttpResponse, Upload } from "tus-js-client";
import { freshToken, refreshSession } from "../../auth";
import { session } from "../../session";
import { Pace } from "./pace";
import type { Transfer } from "./transfers";

const PIECE_BYTES = 16 * 1024 * 1024;
const LONGEST_PAUSE_MS = 10_000;
/** What asking for the state of an upload may answer without meaning that the upload is gone. */
const NOT_GONE = new Set([401, 408, 423, 429]);
const UNREADABLE = "The browser can't read this file. A folder can't be sent; a file that was moved has to be chosen again.";
const LOST = "The connection was lost.";

/** An answer to a question about an upload that says nothing about the upload. */
class NoState extends Error {
  constructor(readonly response: HttpResponse) {
    super();
  }
}

/** Sends one file, and tells of each change. */
export class Sending {
  private readonly upload: Upload;
  private readonly pace = new Pace();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  private isSearched = false;
  private isStopped = true;
  private isResumed = false;

  constructor(
    private readonly file: File,
    private readonly tell: (change: Partial<Transfer>) => void,
  ) {
    this.upload = new Upload(file, {
      endpoint: "/uploads",
      chunkSize: PIECE_BYTES,
      metadata: { filename: file.name },
      retryDelays: null,
      removeFingerprintOnSuccess: true,
      onBeforeRequest: async (request) => request.setHeader("Authorization", `Bearer ${await freshToken()}`),
      onAfterResponse: requireState,
      onProgress: (sent) => this.noteProgress(sent),
      onChunkComplete: () => {
        this.tries = 0;
      },
      onSuccess: () => this.tell({ state: "done", sent: file.size, reason: "", fileId: this.fileId() }),
      onError: (fault) => void this.handle(fault),
    });
  }

  /** Begin, or go on behind what the server already has. */
  async start(): Promise<void> {
    clearTimeout(this.timer);
    this.isStopped = false;
    if (!(await isReadable(this.file))) return this.tell({ state: "failed", reason: UNREADABLE });
    if (!this.isSearched) await this.findEarlier();
    if (this.isStopped) return;
    this.pace.restart();
    this.upload.start();
  }

  /** Stop for now. */
  pause(): void {
    this.stop();
    void this.upload.abort();
    this.tell({ state: "paused", bytesPerSecond: null, reason: "" });
  }

  /** Stop for good; what has arrived is thrown away, now or when the server finds that nobody goes on with it. */
  async cancel(): Promise<void> {
    this.stop();
    await this.upload.abort(true).catch(() => undefined);
  }

  private stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.again);
  }

  private async findEarlier(): Promise<void> {
    const [earlier] = await this.upload.findPreviousUploads();
    this.isSearched = true;
    this.isResumed = earlier !== undefined;
    if (earlier) this.upload.resumeFromPreviousUpload(earlier);
  }

  private noteProgress(sent: number): void {
    if (this.isStopped) return;
    if (this.isResumed) this.tell({ resumedFrom: sent });
    this.isResumed = false;
    const state = sent < this.file.size ? "sending" : "checking";
    this.tell({ state, sent, bytesPerSecond: this.pace.note(sent), reason: "" });
  }

  private async handle(fault: Error | DetailedError): Promise<void> {
    const response = responseOf(fault);
    const status = response?.getStatus() ?? 0;
    const words = wordsOf(response);
    if (status === 401) {
      await refreshSession(session());
      if (session() === null) return this.pause();
    }
    if (this.isStopped) return;
    if (!mayPass(status)) {
      this.stop();
      return this.tell({ state: "failed", bytesPerSecond: null, reason: words ?? "The server refused this file." });
    }
    this.retry(words ?? LOST, Number(response?.getHeader("Retry-After") ?? 0) * 1000);
  }

  private retry(reason: string, leastMs: number): void {
    const pauseMs = Math.max(leastMs, Math.min(LONGEST_PAUSE_MS, 500 * 2 ** this.tries++));
    this.tell({ state: "retrying", bytesPerSecond: null, reason });
    this.timer = setTimeout(this.again, pauseMs);
    addEventListener("online", this.again, { once: true });
  }

  private readonly again = (): void => {
    removeEventListener("online", this.again);
    if (!this.isStopped) void this.start();
  };

  private fileId(): string {
    return new URL(this.upload.url ?? "", location.href).pathname.split("/").pop() ?? "";
  }
}

/** Keep tus from beginning anew where an upload is still there, and only its state can't be had at the moment. */
function requireState(request: HttpRequest, response: HttpResponse): void {
  const status = response.getStatus();
  if (request.getMethod() === "HEAD" && (NOT_GONE.has(status) || status >= 500)) throw new NoState(response);
}

function responseOf(fault: Error | DetailedError): HttpResponse | null {
  if (!(fault instanceof DetailedError)) return null;
  return fault.causingError instanceof NoState ? fault.causingError.response : fault.originalResponse;
}

/** Whether the same request may succeed later. */
function mayPass(status: number): boolean {
  return status === 0 || status >= 500 || [401, 408, 409, 423, 429, 460].includes(status);
}

/** What the server said was wrong; null where it said nothing. */
function wordsOf(response: HttpResponse | null): string | null {
  try {
    const body = JSON.parse(response?.getBody() ?? "") as { errors?: { message?: string }[] };
    return body.errors?.[0]?.message ?? null;
  } catch {
    return null;
  }
}

async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
