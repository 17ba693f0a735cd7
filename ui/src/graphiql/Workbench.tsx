import "./workers";
import "@graphiql/react/style.css";
import "graphiql/graphiql.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./workbench.css";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { useMemo, useSyncExternalStore } from "react";
import { onSession, session } from "../session";
import { EXAMPLES } from "./examples";
import { EXAMPLES_PLUGIN } from "./ExamplesPlugin";
import { makeFetcher } from "./fetcher";
import { JobFiller } from "./JobFiller";
import { ThemeFollower } from "./ThemeFollower";
import { WordWrap } from "./WordWrap";

const PLUGINS = [explorerPlugin(), HISTORY_PLUGIN, EXAMPLES_PLUGIN];

/** GraphiQL itself; a first visit finds a tab for each example. */
export default function Workbench() {
  const current = useSyncExternalStore(onSession, session);
  const fetcher = useMemo(makeFetcher, [current?.accessToken]);
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={PLUGINS}
      defaultTabs={EXAMPLES}
      defaultEditorToolsVisibility
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo><></></GraphiQL.Logo>
      <JobFiller />
      <ThemeFollower />
      <WordWrap />
    </GraphiQL>
  );
}
