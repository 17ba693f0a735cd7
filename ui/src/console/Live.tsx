/** Whether what is shown is as things are now. */

import { useConnection } from "./JobFeed";
import { time } from "./shared/format";

const WORDS = { connecting: "Connecting…", live: "Live", lost: "Not connected" };

/** A light in the header. */
export function Live() {
  const { state } = useConnection();
  return <span className={state === "live" ? "live" : "live off"} role="status">{WORDS[state]}</span>;
}

/** Says above the page that it may be old by now, for as long as the server can't be heard. */
export function OldData() {
  const connection = useConnection();
  return (
    <div role="status" className="old-data-place">
      {connection.state === "lost" && (
        <p className="old-data">
          The connection to the server was lost at {time(connection.since)}. What is shown here may have changed since
          then; the page goes on by itself as soon as the server answers.
        </p>
      )}
    </div>
  );
}
