import { useLayoutEffect, useRef, useState } from "react";

/** How wide an element is, in pixels, also once that changes; 0 until it is shown. */
export function useWidth<Shown extends HTMLElement>() {
  const element = useRef<Shown>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const shown = element.current;
    if (!shown) return undefined;
    const measure = () => setWidth(shown.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(shown);
    return () => observer.disconnect();
  }, []);
  return [element, width] as const;
}
