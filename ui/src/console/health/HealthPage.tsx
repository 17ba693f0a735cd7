/** Whether every part works, and who does. */
export default function HealthPage() {
  return <h1>Health</h1>;
}
