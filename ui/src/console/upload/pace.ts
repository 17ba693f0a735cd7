/** How fast something goes, over the last seconds: what a longer past says is of no use for the time left. */

const WINDOW_MS = 5_000;
const LEAST_MS = 400;

export class Pace {
  private notes: { at: number; done: number }[] = [];

  /** Forget what was before. */
  restart(): void {
    this.notes = [];
  }

  /** Note how much is done by now; answers how much that is a second, or null while too little is known. */
  note(done: number, now = performance.now()): number | null {
    this.notes.push({ at: now, done });
    while (this.notes.length > 2 && now - (this.notes[0]?.at ?? now) > WINDOW_MS) this.notes.shift();
    const first = this.notes[0];
    if (!first || now - first.at < LEAST_MS) return null;
    return ((done - first.done) / (now - first.at)) * 1000;
  }
}
