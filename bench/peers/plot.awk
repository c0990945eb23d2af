# Turns the table of bench/peers/run into a plot, both axes logarithmic.
function log10(value) { return log(value) / log(10) }
function across(backlog) { return 70 + (log10(backlog) - 3) * 150 }
function down(rate) { return 330 - log10(rate) * 62 }
# 1000000 as 1,000,000
function grouped(number) { return number < 1000 ? number : grouped(int(number / 1000)) "," substr(number, length(number) - 2) }
function called(name) { return name == "nexus" ? "Nexus" : name == "raw" ? "plain SQLite" : name }
# Where the name of a line stands: beside its end, apart from the names before.
function beside(line,    other, y) {
    y = last_y[line] + 4
    for (other = 2; other < line; other++) {
        if (other in name_y && y > name_y[other] - 14 && y < name_y[other] + 14) {
            y = name_y[other] + (last_y[line] < last_y[other] ? -14 : 14)
        }
    }
    return name_y[line] = y
}

BEGIN {
    FS = "\t"
    colours[2] = "#1f6feb"; colours[3] = "#8c959f"; colours[4] = "#cf222e"
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 390\" font-family=\"sans-serif\" font-size=\"12\">"
    print "<rect width=\"640\" height=\"390\" fill=\"white\"/>"
    print "<text x=\"70\" y=\"24\" font-size=\"14\">Claim and complete one item: items per second, by items waiting</text>"
    for (power = 0; power <= 4; power++) {
        y = down(10 ^ power)
        printf "<path d=\"M70 %.1fH520\" stroke=\"#d0d7de\"/>\n", y
        printf "<text x=\"62\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", y + 4, grouped(10 ^ power)
    }
    for (power = 3; power <= 6; power++) {
        printf "<text x=\"%.1f\" y=\"350\" text-anchor=\"middle\">%s</text>\n", across(10 ^ power), grouped(10 ^ power)
    }
}
/^#/ { printf "<text x=\"70\" y=\"376\" fill=\"#57606a\">%s</text>\n", substr($0, 3); next }
$1 == "backlog" { for (i = 2; i <= NF; i++) name[i] = $i; columns = NF; next }
{
    for (i = 2; i <= columns; i++) {
        if ($i > 0) {
            x = across($1); y = down($i)
            points[i] = points[i] sprintf("%s%.1f %.1f", points[i] == "" ? "M" : "L", x, y)
            printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colours[i]
            last_x[i] = x; last_y[i] = y
        }
    }
}
END {
    for (i = 2; i <= columns; i++) {
        if (points[i] == "") {
            continue
        }
        printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", points[i], colours[i]
        printf "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n", last_x[i] + 8, beside(i), colours[i], called(name[i])
    }
    print "</svg>"
}
