/** Where Monaco finds its workers: beside the page, as files of their own, so that its policy takes no blob: URLs. */

import type {} from "monaco-editor";
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";

window.MonacoEnvironment = {
  getWorker(_id: string, language: string) {
    if (language === "json") return new JsonWorker();
    return language === "graphql" ? new GraphQLWorker() : new EditorWorker();
  },
};
