import { lazy, Suspense } from "react";
import { AccountBar } from "./AccountBar";

/** GraphiQL with its editor already there: a tab that is opened before would show the text of another one. */
const Workbench = lazy(async () => {
  const [workbench] = await Promise.all([
    import("./Workbench"),
    import("monaco-graphql/esm/monaco-editor.js"),
    import("monaco-graphql/esm/lite.js"),
  ]);
  return workbench;
});

/** GraphiQL under a bar that says whose token it sends. */
export function GraphiQLPage() {
  return (
    <>
      <AccountBar />
      <main>
        <Suspense fallback={<p className="loading" role="status">Loading the editor…</p>}>
          <Workbench />
        </Suspense>
      </main>
    </>
  );
}
