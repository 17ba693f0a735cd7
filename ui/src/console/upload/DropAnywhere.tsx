import { useEffect, useRef, useState } from "react";
import { Icon } from "../shared/Icon";

/** Takes files that are dropped anywhere on the page, and shows that it will while they are over it. */
export function DropAnywhere({ onFiles }: { onFiles: (files: File[]) => void }) {
  const isOver = useDrop(onFiles);
  if (!isOver) return null;
  return <div className="drop-over"><p><Icon name="file" /> Drop the files to upload them</p></div>;
}

function useDrop(onFiles: (files: File[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  /** Each element that is passed over tells of it: the drag is gone when all that were entered were left. */
  const depth = useRef(0);
  useEffect(() => {
    function move(event: DragEvent, by: number) {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      depth.current = Math.max(0, depth.current + by);
      setOver(depth.current > 0);
    }
    function drop(event: DragEvent) {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setOver(false);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    }
    const enter = (event: DragEvent) => move(event, 1);
    const over = (event: DragEvent) => move(event, 0);
    const leave = (event: DragEvent) => move(event, -1);
    const listeners = { dragenter: enter, dragover: over, dragleave: leave, drop } as const;
    const names = Object.keys(listeners) as (keyof typeof listeners)[];
    for (const name of names) addEventListener(name, listeners[name]);
    return () => names.forEach((name) => removeEventListener(name, listeners[name]));
  }, [onFiles]);
  return isOver;
}

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
