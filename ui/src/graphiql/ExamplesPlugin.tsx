import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { EXAMPLES, type Example } from "./examples";

/** A pane of GraphiQL that opens each example, also after its tab was closed or changed. */
export const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: "Examples", icon: ExamplesIcon, content: Examples };

function Examples() {
  const open = useOpenExample();
  return (
    <section className="examples" aria-label="Examples">
      <div className="graphiql-doc-explorer-title">Examples</div>
      <p>They run as they stand on the data of <code>headgate serve --sample</code>.</p>
      <ul>
        {EXAMPLES.map((example) => (
          <li key={example.name}>
            <button type="button" onClick={() => open(example)}>{example.name}</button>
            <p>{example.summary}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Opens an example: in the tab that still holds it, else in a new one. */
function useOpenExample(): (example: Example) => void {
  const { addTab, changeTab, updateActiveTabValues } = useGraphiQLActions();
  const { tabs, queryEditor, variableEditor } = useGraphiQL(({ tabs, queryEditor, variableEditor }) => ({ tabs, queryEditor, variableEditor }));
  return ({ query, variables }) => {
    const open = tabs.findIndex((tab) => tab.query === query);
    if (open >= 0) {
      changeTab(open);
      return;
    }
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    updateActiveTabValues({ query, variables });
  };
}

function ExamplesIcon() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round">
      <path d="M6 3h12v18l-6-4-6 4z M9.5 8h5 M9.5 11.5h5" />
    </svg>
  );
}
