import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";
import { JOB_WITH_ERRORS } from "./examples";
import { ask } from "./http";

interface Found {
  errors: { edges: { node: { job: { id: string } } }[] };
}

const NEWEST = '{ errors(filter: { dataset: "applications" }, first: 1) { edges { node { job { id } } } } }';

/** Writes the id of a job into the variables of the example that corrects one, when its tab is opened. */
export function JobFiller() {
  const { variableEditor, activeTabIndex } = useGraphiQL(({ variableEditor, activeTabIndex }) => ({ variableEditor, activeTabIndex }));
  useEffect(() => {
    if (!variableEditor?.getValue().includes(JOB_WITH_ERRORS)) return;
    void ask<Found>({ query: NEWEST }).then(({ data }) => {
      const id = data?.errors.edges[0]?.node.job.id;
      if (id) variableEditor.setValue(variableEditor.getValue().replace(JOB_WITH_ERRORS, id));
    });
  }, [variableEditor, activeTabIndex]);
  return null;
}
