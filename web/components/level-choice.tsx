import { LEVELS, type Level } from '../model/address.ts';
import { shownName } from '../model/names.ts';
import { Choice } from './choice.tsx';
import type { ViewProps } from './view-props.ts';

/** Fewer pods than this have no levels worth a choice. */
const LEAST_PODS = 3;

/** Selects what is drawn as one, and folds groups again that are unfolded. */
export function LevelChoice({ props }: { props: ViewProps }) {
  return (
    <>
      <LevelSelect props={props} />
      <UnfoldedGroups props={props} />
    </>
  );
}

/** Selects what is drawn as one. */
export function LevelSelect({ props: { picture, level, onLevel } }: { props: ViewProps }) {
  const { fold } = picture;
  if ((fold?.pods ?? picture).n < LEAST_PODS) return null;
  const own = fold?.level ?? 'pod';
  return (
    <Choice label="Level" value={level} onChange={(wanted) => onLevel(wanted as Level)}>
      {LEVELS.map((name) => (
        <option key={name} value={name}>
          {name === 'auto' && level === 'auto' ? `auto (${own})` : name}
        </option>
      ))}
    </Choice>
  );
}

/** Buttons that fold the unfolded groups again. */
export function UnfoldedGroups({ props: { picture, onFold } }: { props: ViewProps }) {
  return picture.fold?.unfolded.map((key) => (
    <button key={key} type="button" className="quiet" aria-label={`Fold ${nameOf(key)}`} onClick={() => onFold(key)}>
      {nameOf(key)} ×
    </button>
  ));
}

function nameOf(key: string): string {
  const name = key.slice(key.indexOf(':') + 1);
  return name === '' ? 'unknown' : shownName(name);
}
