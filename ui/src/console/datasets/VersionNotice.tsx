import { count } from "../shared/format";
import { useViewer } from "../shared/viewer";
import type { Dataset, Shown } from "./queries";
import { RestoreVersion } from "./RestoreVersion";

interface Props {
  newest: Dataset;
  shown: Shown | null;
  version: number;
  onShowNewest: () => void;
  onRestored: (version: number | null) => void;
}

/** Says that what is shown is not the newest version, where that is so. */
export function VersionNotice({ newest, shown, version, onShowNewest, onRestored }: Props) {
  const { canOperate } = useViewer();
  const isOld = newest.version !== null && newest.version > version;
  return (
    <div role="status" className="version-notice">
      {isOld && (
        <div className="row notice">
          <p>
            Version {newest.version} is there, with {count(newest.rowCount)} rows. This is version {version}.
          </p>
          <button type="button" onClick={onShowNewest}>Show version {newest.version}</button>
          {canOperate && shown && <RestoreVersion name={newest.name} version={version} onRestored={onRestored} />}
        </div>
      )}
    </div>
  );
}
