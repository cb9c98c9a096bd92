import { useStdout } from "ink";
import { useEffect, useState } from "react";

export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

/** The terminal's size, followed when it is resized; 80×24 where nobody tells. */
export function useWindowSize(): WindowSize {
  const { stdout } = useStdout();
  const [size, setSize] = useState<WindowSize>(() => sizeOf(stdout));
  useEffect(() => {
    const onResize = () => setSize(sizeOf(stdout));
    stdout.on("resize", onResize);
    return () => {
      stdout.off("resize", onResize);
    };
  }, [stdout]);
  return size;
}

function sizeOf({ columns, rows }: { readonly columns?: number; readonly rows?: number }): WindowSize {
  return { columns: columns ?? 80, rows: rows ?? 24 };
}
