import { useEffect, useState } from "react";

const TOLD_MS = 2_000;

/** Copies a text, where the browser lets pages copy. */
export function CopyText({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied ? setTimeout(() => setCopied(false), TOLD_MS) : undefined;
    return () => clearTimeout(timer);
  }, [isCopied]);
  if (!("clipboard" in navigator)) return null;
  return (
    <button type="button" className="quiet" onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}>
      {isCopied ? "Copied" : "Copy"}
    </button>
  );
}
