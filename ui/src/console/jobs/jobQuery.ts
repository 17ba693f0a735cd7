import { type ResultOf, graphql } from "../../graph";

/** All of a job that its page shows at once. */
export const JobQuery = graphql(`
  query Job($id: ID!) {
    job(id: $id) {
      id
      kind
      status
      priority
      pipelineVersion
      datasetVersion
      createdAt
      startedAt
      finishedAt
      durationMs
      progress { stage fraction rowsRead rowsWritten bytesRead bytesTotal rowsPerSecond etaSeconds message }
      counts { read accepted rejected filtered merged warnings }
      failure { code category message retryable details step }
      pipeline { id name }
      file { id name byteSize columns { name } }
      dataset { id name columns { name } }
      parent { id }
      retryOf { id kind }
      retries(first: 10) { edges { node { id kind status createdAt } } pageInfo { hasNextPage } }
      createdBy { id name email }
      availableActions { action allowed reason }
      attempts { number status worker startedAt finishedAt failure { code message } }
      errorSummary(groupBy: [CODE, COLUMN, SEVERITY]) { code column severity count rows }
      result { id kind name data }
    }
  }
`);

export type ShownJob = NonNullable<ResultOf<typeof JobQuery>["job"]>;
export type ActionName = ShownJob["availableActions"][number]["action"];

/** Whether something can be done with a job, and where not, why. */
export function actionOf(job: ShownJob, name: ActionName): { allowed: boolean; reason: string | null } {
  return job.availableActions.find(({ action }) => action === name) ?? { allowed: false, reason: null };
}
