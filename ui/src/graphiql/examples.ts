/** Operations that run as they stand on the sample data of `headgate serve --sample`, in the order of their files. */

export interface Example {
  /** The name of its operation. */
  name: string;
  /** What it shows, in the first sentence of its comment. */
  summary: string;
  query: string;
  /** JSON; empty where it has no variables. */
  variables: string;
}

/** What stands in an example for the id of a job that only the running server knows. */
export const JOB_WITH_ERRORS = "THE_NEWEST_JOB_WITH_ERRORS";

type Texts = Record<string, string>;
const queries: Texts = import.meta.glob("./examples/*.graphql", { query: "?raw", import: "default", eager: true });
const variables: Texts = import.meta.glob("./examples/*.json", { query: "?raw", import: "default", eager: true });

export const EXAMPLES: Example[] = Object.keys(queries)
  .sort((one, other) => place(one) - place(other))
  .map((path) => example(queries[path] ?? "", variables[path.replace(".graphql", ".json")] ?? ""));

function example(query: string, variables: string): Example {
  const comment = query.replaceAll(/^# ?|^[^#][\s\S]*/gm, "").replaceAll("\n", " ");
  return {
    name: /^(?:query|mutation|subscription) (\w+)/m.exec(query)?.[1] ?? "",
    summary: /^.*?[.:](?=\s|$)/.exec(comment)?.[0].replace(/:$/, ".") ?? "",
    query,
    variables,
  };
}

function place(path: string): number {
  return Number(/(\d+)-/.exec(path)?.[1]);
}
