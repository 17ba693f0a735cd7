/** What the pages of pipelines ask the API. */

import { type ResultOf, graphql } from "../../graph";

export const PipelinesQuery = graphql(`
  query Pipelines($filter: PipelineFilter, $after: String) {
    pipelines(filter: $filter, first: 50, after: $after) {
      edges {
        node {
          id
          name
          description
          version
          enabled
          schedule { cron timezone nextRunAt }
          lastJob { id status createdAt }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export type ListedPipeline = ResultOf<typeof PipelinesQuery>["pipelines"]["edges"][number]["node"];

export const PipelineQuery = graphql(`
  query Pipeline($name: String!) {
    pipeline(name: $name) {
      id
      name
      description
      version
      enabled
      spec
      yaml
      updatedAt
      schedule { cron timezone overlap nextRunAt }
      dataset { id name version }
      lastJob { id status }
      statistics {
        jobs
        successRate
        rowsRead
        rowsAccepted
        rowsRejected
        durationP50Ms
        durationP95Ms
        rowsPerSecond
      }
    }
  }
`);

export type Pipeline = NonNullable<ResultOf<typeof PipelineQuery>["pipeline"]>;

export const HistoryQuery = graphql(`
  query History($name: String!, $after: String) {
    pipeline(name: $name) {
      id
      jobs(first: 25, after: $after) {
        edges {
          node {
            id
            status
            createdAt
            durationMs
            pipelineVersion
            counts { accepted rejected }
          }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export type PastJob = NonNullable<ResultOf<typeof HistoryQuery>["pipeline"]>["jobs"]["edges"][number]["node"];

export const PipelineVersionsQuery = graphql(`
  query PipelineVersions($name: String!, $after: String) {
    pipeline(name: $name) {
      id
      versions(first: 20, after: $after) {
        edges { node { version yaml comment createdAt createdBy { id name } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export type PipelineVersion = NonNullable<ResultOf<typeof PipelineVersionsQuery>["pipeline"]>["versions"]["edges"][number]["node"];

export const TemplatesQuery = graphql(`
  query Templates {
    catalog { templates { name summary } }
  }
`);

export const CreatePipeline = graphql(`
  mutation CreatePipeline($input: CreatePipelineInput!) {
    createPipeline(input: $input) {
      pipeline { id name }
      errors { code message path }
    }
  }
`);

export const UpdatePipeline = graphql(`
  mutation UpdatePipeline($input: UpdatePipelineInput!) {
    updatePipeline(input: $input) {
      pipeline { id name description version enabled spec yaml updatedAt schedule { cron timezone overlap nextRunAt } }
      errors { code message path }
    }
  }
`);

export const RunPipeline = graphql(`
  mutation RunPipeline($input: RunPipelineInput!) {
    runPipeline(input: $input) {
      job { id status }
      errors { code message path }
    }
  }
`);

export const UploadForRun = graphql(`
  mutation UploadForRun($file: Upload!) {
    upload(file: $file) {
      file { id }
      errors { code message path }
    }
  }
`);

export const DeletePipeline = graphql(`
  mutation DeletePipeline($name: String!) {
    deletePipeline(name: $name) {
      deletedId
      errors { code message path }
    }
  }
`);
