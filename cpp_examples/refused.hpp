/* Runs a call that has to be refused, and prints why: the message is the point of such a call in an example. */
#ifndef NEXUS_EXAMPLES_REFUSED_HPP
#define NEXUS_EXAMPLES_REFUSED_HPP

#include <nexus.hpp>

#include <iostream>
#include <stdexcept>

template <class Call> void refused(nexus::status expected, Call call)
{
    try {
        call();
    } catch (const nexus::error &error) {
        if (error.status() != expected)
            throw;
        std::cout << "  refused: " << error.what() << '\n';
        return;
    }
    throw std::logic_error(std::string("should have been refused with ") + nexus::status_name(expected));
}

#endif
