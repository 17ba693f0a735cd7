import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

/** Breaks long lines in the editors, which are narrow beside a pane and on small screens. */
export function WordWrap() {
  const editors = useGraphiQL(({ queryEditor, variableEditor, headerEditor }) => [queryEditor, variableEditor, headerEditor]);
  useEffect(() => {
    for (const editor of editors) editor?.updateOptions({ wordWrap: "on" });
  }, [editors]);
  return null;
}
