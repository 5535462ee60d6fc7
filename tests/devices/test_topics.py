"""Topics are looked up once, but only those that somebody knows, and never more than there is room for."""

from devices.topics import LONGEST_TOPIC, MAX_TOPICS, ByTopic


def test_what_is_found_is_asked_once_and_what_is_not_again() -> None:
    known = {"a": "A"}
    asked: list[str] = []

    def find(topic: str) -> str | None:
        asked.append(topic)
        return known.get(topic)

    by_topic = ByTopic(find)
    assert [by_topic["a"], by_topic["b"], by_topic["a"], by_topic["b"]] == ["A", None, "A", None]
    assert asked == ["a", "b", "b"]
    known["b"] = "B"
    assert [by_topic["b"], by_topic["b"]] == ["B", "B"]
    assert asked == ["a", "b", "b", "b"]


def test_a_flood_of_topics_is_forgotten() -> None:
    by_topic = ByTopic(len)
    for number in range(MAX_TOPICS + 1):
        assert by_topic[str(number)] == len(str(number))
    assert set(by_topic) == {str(MAX_TOPICS)}
    assert by_topic["x" * (LONGEST_TOPIC + 1)] == LONGEST_TOPIC + 1
    assert len(by_topic) == 1
