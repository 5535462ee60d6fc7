"""Time series panels as options of ECharts."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from dashboards.preview.colours import NAMED, PALETTE, Theme, named
from dashboards.preview.display import config_of, mapped
from dashboards.preview.frames import Frame, Value
from dashboards.preview.timerange import Range
from dashboards.preview.units import Scale, decimals_for, scale

Option = dict[str, Any]

FONT: Final = "Inter, 'Segoe UI', system-ui, sans-serif"
DASH: Final = "\u2013"


def time_series(panel: Mapping[str, Any], frames: Sequence[Frame], span: Range, bucket: int, theme: Theme) -> Option:
    """Lines and columns over the time range; `bucket` is the least distance of two points, in milliseconds."""
    configs = [config_of(panel, frame.columns[1].name, frame.ref) for frame in frames]
    axes = _axes(frames, configs, theme)
    series = [
        _series(frame, config, place, axes, bucket, theme)
        for place, (frame, config) in enumerate(zip(frames, configs, strict=True))
    ]
    limits = _limits(configs[0], axes[0].scale, theme)
    if limits and series:
        series[0]["markLine"] = limits
    return {
        "animation": False,
        "textStyle": {"fontFamily": FONT, "color": theme.text},
        "grid": {"left": 14, "right": 16, "top": 28, "bottom": 34, "containLabel": True},
        "legend": _legend(theme),
        "tooltip": _tooltip(theme),
        "xAxis": _time_axis(span, theme),
        "yAxis": [axis.option for axis in axes],
        "series": series,
    }


class _Axis:
    """A value axis: its unit, the scale of its numbers, and its option for ECharts."""

    def __init__(self, unit: str, largest: float, right: bool, config: Mapping[str, Any], theme: Theme) -> None:
        self.unit = unit
        self.scale: Scale = scale(unit, largest)
        shown = largest * self.scale.factor
        self.decimals = self.scale.decimals if self.scale.decimals is not None else decimals_for(shown)
        self.option: Option = {
            "type": "value",
            "name": self.scale.prefix + self.scale.suffix,
            "nameTextStyle": {"color": theme.muted, "align": "right" if right else "left", "fontSize": 11},
            "nameGap": 10,
            "position": "right" if right else "left",
            "scale": config["custom"].get("drawStyle") == "line" and unit == "celsius",
            "axisLabel": {"color": theme.muted, "fontSize": 11, "hideOverlap": True},
            "splitLine": {"show": not right, "lineStyle": {"color": theme.line}},
            "splitNumber": 4,
        }
        if unit in ("percentunit", "percent"):
            self.option |= {"min": 0, "max": 100, "interval": 25}
        elif config.get("min"):
            self.option["min"] = config["min"] * self.scale.factor


def _axes(frames: Sequence[Frame], configs: Sequence[Mapping[str, Any]], theme: Theme) -> list[_Axis]:
    units = list(dict.fromkeys((config["unit"], _right(config)) for config in configs))
    axes = []
    for unit, right in units:
        own = [
            (frame, config)
            for frame, config in zip(frames, configs, strict=True)
            if (config["unit"], _right(config)) == (unit, right)
        ]
        largest = max((abs(value) for frame, _ in own for value in _numbers(frame.columns[1].values)), default=0)
        axes.append(_Axis(unit, largest, right, own[0][1], theme))
    return axes


def _series(
    frame: Frame, config: Mapping[str, Any], place: int, axes: Sequence[_Axis], bucket: int, theme: Theme
) -> Option:
    custom = config["custom"]
    index = next(
        number
        for number, axis in enumerate(axes)
        if (axis.unit, axis.option["position"] == "right") == (config["unit"], _right(config))
    )
    axis = axes[index]
    colour = _colour(config, place, theme)
    bars = custom["drawStyle"] == "bars"
    points = _points(frame, config, axis.scale.factor, bucket, whole=not bars)
    common: Option = {
        "name": frame.columns[1].name,
        "yAxisIndex": index,
        "itemStyle": {"color": colour},
        "emphasis": {"disabled": True},
        "tooltip": {":valueFormatter": _formatter(axis)},
    }
    if bars:
        stack = f"{custom['stacking']['group']}{index}" if custom["stacking"]["mode"] == "normal" else None
        return common | {"type": "bar", "stack": stack, "data": points, "barMaxWidth": 46, "barCategoryGap": "18%"}
    return common | {
        "type": "line",
        "data": points,
        "showSymbol": len(points) < 3,
        "symbolSize": 6,
        "lineStyle": {"width": custom.get("lineWidth", 1), "color": colour},
        "areaStyle": {"opacity": custom.get("fillOpacity", 0) / 100, "color": colour},
    }


def _points(
    frame: Frame, config: Mapping[str, Any], factor: float, bucket: int, *, whole: bool
) -> list[list[float | None]]:
    """Scaled points in the middle of their buckets; lines (`whole`) break where more than two buckets are missing."""
    times = [float(time) for time in frame.columns[0].values if isinstance(time, int | float)]
    gaps = [after - before for before, after in pairwise(times)]
    width = min(gaps, default=float(bucket))
    points: list[list[float | None]] = []
    for place, (time, value) in enumerate(zip(times, frame.columns[1].values, strict=True)):
        if whole and place and gaps[place - 1] > 2 * max(width, bucket):
            points.append([times[place - 1] + width, None])
        hidden = mapped(config, value) is not None
        scaled = round(value * factor, 4) if isinstance(value, int | float) and not hidden else None
        points.append([time + width / 2, scaled])
    return points


def _colour(config: Mapping[str, Any], place: int, theme: Theme) -> str:
    colour = config.get("color", {})
    return named(colour["fixedColor"], theme) if colour.get("mode") == "fixed" else PALETTE[place % len(PALETTE)]


def _limits(config: Mapping[str, Any], scaled: Scale, theme: Theme) -> Option | None:
    if config["custom"].get("thresholdsStyle", {}).get("mode") != "dashed":
        return None
    steps = [step for step in config["thresholds"]["steps"] if step["value"] is not None]
    return {
        "silent": True,
        "symbol": "none",
        "label": {"show": False},
        "data": [
            {
                "yAxis": step["value"] * scaled.factor,
                "lineStyle": {"color": NAMED.get(step["color"], theme.muted), "type": "dashed", "width": 1},
            }
            for step in steps
        ],
    }


def _formatter(axis: _Axis) -> str:
    """JavaScript that writes one value of the tooltip."""
    gap = "" if axis.scale.prefix else " "
    suffix = f"{gap}{axis.scale.suffix}" if axis.scale.suffix else ""
    digits = f"{{minimumFractionDigits:{axis.decimals},maximumFractionDigits:{axis.decimals}}}"
    return (
        f"v => v == null ? '{DASH}' : '{axis.scale.prefix}' + Number(v).toLocaleString('en-GB',{digits}) + '{suffix}'"
    )


def _time_axis(span: Range, theme: Theme) -> Option:
    return {
        "type": "time",
        "min": span.start,
        "max": span.end,
        "splitNumber": 6,
        "axisLine": {"lineStyle": {"color": theme.line}},
        "axisTick": {"lineStyle": {"color": theme.line}},
        "splitLine": {"show": False},
        "axisLabel": {
            "color": theme.muted,
            "fontSize": 11,
            "hideOverlap": True,
            "formatter": {
                "year": "{yyyy}",
                "month": "{d} {MMM}",
                "day": "{d} {MMM}",
                "hour": "{HH}:{mm}",
                "minute": "{HH}:{mm}",
            },
        },
    }


def _tooltip(theme: Theme) -> Option:
    return {
        "trigger": "axis",
        "order": "valueDesc",
        "confine": True,
        "backgroundColor": theme.panel,
        "borderColor": theme.line,
        "textStyle": {"color": theme.text, "fontSize": 12},
        "axisPointer": {"lineStyle": {"color": theme.muted, "type": "dashed"}, "label": {"show": False}},
    }


def _legend(theme: Theme) -> Option:
    return {
        "type": "scroll",
        "bottom": 0,
        "left": 8,
        "itemWidth": 14,
        "itemHeight": 8,
        "icon": "roundRect",
        "textStyle": {"color": theme.text, "fontSize": 12, "lineHeight": 18},
        "pageTextStyle": {"color": theme.muted},
        "pageIconColor": theme.muted,
        "pageIconInactiveColor": theme.line,
    }


def _right(config: Mapping[str, Any]) -> bool:
    return bool(config["custom"].get("axisPlacement") == "right")


def _numbers(values: Sequence[Value]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float)]
