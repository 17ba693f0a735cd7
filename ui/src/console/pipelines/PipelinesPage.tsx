/** All pipelines. */
export default function PipelinesPage() {
  return <h1>Pipelines</h1>;
}
